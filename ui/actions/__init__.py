"""Every command once, as data. Menus, shortcuts, palette and deep links are views of the registry."""

from ui.actions.registry import Action, Hit, Registry, parse_link

__all__ = ["Action", "Hit", "Registry", "parse_link"]
