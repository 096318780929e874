"""The outage drill: the real service and the sign-in of before, side by side, while their database freezes.

It stands beside the package and not in ``benchmarks/``: it is a program to show and to keep, typed and linted like the
package. A benchmark's files are loose on purpose. It is no part of what is installed.
"""
