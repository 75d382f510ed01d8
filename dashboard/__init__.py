"""Where conf.d/grafana/supervisor-maint.json comes from: ``python -m dashboard`` writes it.

Grafana's own JSON says the same of each panel again and again. Here a panel is a title, a
sentence and its queries; what all have in common is in ``panels`` and ``model``. The JSON is what
is deployed, and a test fails when the two differ.
"""
