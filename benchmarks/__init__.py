"""Measures of the listener beside its peers, printed as tables; run by hand, never a timed test.

``python -m benchmarks`` measures everything, ``python -m benchmarks NAME`` one thing. What
follows from the machine is printed as it is; what is promised is printed as a ratio to a peer in
the same run, or beside the limit that it has to keep.
"""
