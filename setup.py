"""Puts the recipes into the wheel, as smalti/recipes; all else is said in pyproject.toml."""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithRecipes(build_py):
    """Copies the code, then the recipes."""

    def run(self) -> None:
        """Builds; an editable installation reads the recipes where they lie."""
        super().run()
        if not self.editable_mode:
            home = Path(self.build_lib, "smalti", "recipes")
            home.mkdir(parents=True, exist_ok=True)
            for recipe in sorted(Path("recipes").glob("*.toml")):
                self.copy_file(str(recipe), str(home / recipe.name))


setup(cmdclass={"build_py": BuildWithRecipes})
