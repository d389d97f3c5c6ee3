"""What Cuelight knows: records, rules and decisions. Pure: no await, no I/O, no reading of a clock."""
