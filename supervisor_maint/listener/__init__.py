"""The event listener: supervisord's protocol, its events, and the loop that owns the pipes."""
