"""What-ifs: change one thing, and run a session anew with recorded answers until it matters."""

from __future__ import annotations

from application.what_if.asking import Choices, WhatIfs
from application.what_if.changes import (
    AnswerChange,
    CapabilitiesChange,
    Change,
    ChangeView,
    ModelChange,
    PolicyChange,
    PromptChange,
)
from application.what_if.recording import Recording
from application.what_if.views import (
    CallsView,
    DecisionPairView,
    DifferenceView,
    DivergenceView,
    SideView,
    TaskPairView,
    WhatIfView,
)

__all__ = [
    "AnswerChange",
    "CallsView",
    "CapabilitiesChange",
    "Change",
    "ChangeView",
    "Choices",
    "DecisionPairView",
    "DifferenceView",
    "DivergenceView",
    "ModelChange",
    "PolicyChange",
    "PromptChange",
    "Recording",
    "SideView",
    "TaskPairView",
    "WhatIfView",
    "WhatIfs",
]
