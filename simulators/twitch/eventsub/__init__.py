"""EventSub: subscriptions, WebSocket sessions, webhooks and conduits."""
