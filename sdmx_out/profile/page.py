"""A country profile as a page for a browser: one file, no scripts, nothing from elsewhere.

Here belongs how the content becomes HTML. What it says, and how charts are drawn, does not.
"""

from functools import cache
from importlib import resources

from jinja2 import Environment, Template, select_autoescape
from markupsafe import Markup

from sdmx_out.profile import charts
from sdmx_out.profile.content import Chart, Content

_TEMPLATE, _STYLE = "templates/profile.html", "templates/profile.css"


def html(content: Content) -> bytes:
    """Return the page in UTF-8."""
    template, style = _template()
    return template.render(content=content, style=style, svg=_svg).encode()


@cache
def _template() -> tuple[Template, Markup]:
    environment = Environment(autoescape=select_autoescape(default=True), trim_blocks=True, lstrip_blocks=True)
    folder = resources.files("sdmx_out")
    source, style = (folder.joinpath(name).read_text(encoding="utf-8") for name in (_TEMPLATE, _STYLE))
    return environment.from_string(source), Markup(style)


def _svg(chart: Chart) -> Markup:
    return Markup(charts.svg(chart.drawing, chart.name, f"{chart.criterion}. {chart.title}", chart.about))
