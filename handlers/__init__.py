"""What happens on each event: the worker, the table of handlers, and one folder per product."""
