"""Channel points become timed VIPs: grant, extend, refund, expire, reconcile."""
