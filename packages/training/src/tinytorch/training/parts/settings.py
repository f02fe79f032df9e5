"""An object's settings are its constructor's arguments, kept in attributes of the same names."""

import inspect
from typing import Any


def settings_of(value: Any) -> dict[str, Any]:
    """Return the settings of an object by name; an argument without an attribute is left out."""
    parameters = inspect.signature(type(value)).parameters
    return {name: getattr(value, name) for name in parameters if hasattr(value, name)}


def made_with(value: Any) -> str:
    """Show how an object is made; settings that are the default are left out."""
    parameters = inspect.signature(type(value)).parameters
    shown = (
        f"{name}={getattr(setting, '__name__', None) or repr(setting)}"
        for name, setting in settings_of(value).items()
        if setting is not parameters[name].default and setting != parameters[name].default
    )
    return f"{type(value).__name__}({', '.join(shown)})"
