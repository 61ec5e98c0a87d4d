"""Limits between whoever decides and whatever moves. No software is a safety-rated stop; see docs/safety.md."""
