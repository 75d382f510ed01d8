"""The application: event → gather → decide → journal → perform → record.

It names no adapter: what it needs of the world comes in as the ports of ``effects``.
"""
