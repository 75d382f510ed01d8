"""Pictures of the panels, for the documentation: drawn from a Prometheus, not by Grafana."""
