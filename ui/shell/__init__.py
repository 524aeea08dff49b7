"""The window around the panels: navigation with its history, top bar, status bar, palette, notifications, lock, crash report.

Knows panels by id and import path only, and loads each when it is first shown.
"""
