"""Graphs in the frontend: recorded, planned, handed to a backend's compiler, or interpreted."""
