"""Run the command line as ``python -m supervisor_maint``."""

from __future__ import annotations

import sys

from supervisor_maint.cli import main

sys.exit(main())
