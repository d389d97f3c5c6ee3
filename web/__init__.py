"""All that calls Cuelight: HTTP, webhooks, server-sent events, pages."""
