"""EventSub through a conduit: who attaches its shards, who keeps its subscriptions, what follows from a gap."""
