"""Where metrics go: a module a sink, and the delivery that keeps them out of the way."""
