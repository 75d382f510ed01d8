"""What outlives the listener: the journal, the history, and the mailbox of requests."""
