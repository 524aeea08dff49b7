"""What every room stands on: errors, events, jobs, settings, money, time, paths, logging, Evidence.

Knows no chain, no database and no window, and never will: core imports nothing else of ours.
"""
