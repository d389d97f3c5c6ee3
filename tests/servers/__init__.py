"""Real servers for tests: each test that wants one starts its own, on a port that was free."""
