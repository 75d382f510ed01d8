"""The application: event → gather → decide → record → report.

It names no adapter: what it needs of the world comes in as the ports of ``effects`` and ``ports``.
"""
