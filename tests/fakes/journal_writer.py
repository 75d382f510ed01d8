"""A listener that writes its journal until it is killed.

Started as ``python -m tests.fakes.journal_writer JOURNAL``.

It prints the revision of each write after the write has returned.
"""

from __future__ import annotations

import sys
from pathlib import Path

from supervisor_maint.store.journal import Journal

journal = Journal(Path(sys.argv[1]))
revision = journal.load().revision
while True:
    revision = journal.save_run({"id": "r", "number": revision + 1, "filling": "x" * 3000})
    sys.stdout.write(f"{revision}\n")
    sys.stdout.flush()
