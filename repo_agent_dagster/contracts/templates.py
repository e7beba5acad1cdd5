"""Which template a new project starts from: a model's choice and its reasons."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from repo_agent_dagster.contracts.base import Contract


class UseCase(StrEnum):
    """What the project is for."""

    SAAS_PRODUCT_WEBSITE = "SaaS Product Website"
    DASHBOARD = "Dashboard"
    BLOG = "Blog"
    PORTFOLIO = "Portfolio"
    E_COMMERCE = "E-Commerce"
    GENERAL = "General"
    OTHER = "Other"


class Complexity(StrEnum):
    """How much there is to build."""

    SIMPLE = "simple"
    MODERATE = "moderate"
    COMPLEX = "complex"


class StyleSelection(StrEnum):
    """The look that was asked for."""

    MINIMALIST_DESIGN = "Minimalist Design"
    BRUTALISM = "Brutalism"
    RETRO = "Retro"
    ILLUSTRATIVE = "Illustrative"
    KID_PLAYFUL = "Kid_Playful"
    CUSTOM = "Custom"


class TemplateSelection(Contract):
    """The template chosen for a project. Null, or absent, means that the model made no choice."""

    selected_template_name: Annotated[str | None, Field(description="Null: no template suits.")] = None
    reasoning: str
    use_case: UseCase | None = None
    complexity: Complexity | None = None
    style_selection: StyleSelection | None = None
    project_name: Annotated[str, Field(min_length=1)]
