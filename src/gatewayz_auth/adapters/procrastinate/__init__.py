"""The queue: procrastinate, over connections of ours."""
