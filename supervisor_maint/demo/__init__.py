"""The demonstration: a real supervisord, a handful of programs, and a few things going wrong."""
