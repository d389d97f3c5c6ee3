"""Ordered logs with a cursor `(epoch, seq)`: the contract, and the ring of one process."""
