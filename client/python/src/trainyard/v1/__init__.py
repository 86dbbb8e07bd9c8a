"""The messages and stubs of the package trainyard.v1, generated from its protos."""
