"""Suites of tasks, episodes dealt over processes, and rates with their intervals."""
