"""What one writes by hand instead of lossd: a grpcio servicer around torch, and its client, on the stock stubs.

It speaks lossd's own contract, so that both sides of the comparison carry the same messages, and it is the best that
a careful person writes in an afternoon: no copy too many, message limits raised, nothing checked that torch does not
check itself.
"""
