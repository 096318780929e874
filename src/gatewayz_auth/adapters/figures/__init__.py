"""The figures of the service: added up in each process, laid down once a second, merged by whoever is asked."""
