"""What an operator deploys, filled in for a machine: the files of ``conf.d`` and their checks."""
