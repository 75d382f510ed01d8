"""Supervisord as seen from outside: XML-RPC, its log, its configuration, its children."""
