"""The process: command line, settings, wiring, supervision, logs, metrics, the one clock."""
