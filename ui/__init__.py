"""Everything with a window. The only place that imports PySide6 and qasync."""
