"""The one way to preview, confirm, follow and read a plan.

Knows the five steps and how each is shown; never what a kind of plan means, nor how it is carried out (that is
`app.operations`). Panels give a :class:`PlanForm`, the sheet does the rest.
"""

from ui.plan_sheet.form import PlanForm
from ui.plan_sheet.sheet import PlanSheet

__all__ = ["PlanForm", "PlanSheet"]
