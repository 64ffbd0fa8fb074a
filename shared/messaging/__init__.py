"""How services talk: envelopes, handlers, the relay, and what a failure means. The only place that knows FastStream."""
