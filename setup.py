"""Packaging of Trilend: plain top folders mapped to their packages."""

from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOTS = ("platform", "tenants", "plugins", "integrations", "sandbox")
HERE = Path(__file__).parent


def packages() -> list[str]:
    """Every package below the plain top folders (examples are projects of their own)."""
    return [name for root in ROOTS for name in find_packages(root, include=["trilend", "trilend.*", "trilend_*"])]


def package_dirs() -> dict[str, str]:
    """Where each top-level package lives."""
    return {
        package.name: f"{root}/{package.name}"
        for root in ROOTS
        for package in (HERE / root).iterdir()
        if (package / "__init__.py").is_file()
    }


def requirements(name: str) -> list[str]:
    """The direct requirements of one `requirements/*.in` file."""
    lines = (HERE / "requirements" / f"{name}.in").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith(("#", "-r"))]


class BuildWithCatalogs(build_py):
    """Compiles the message catalogues (.po to .mo) before the packages are built."""

    def run(self) -> None:
        from babel.messages.mofile import write_mo
        from babel.messages.pofile import read_po

        for root in ROOTS:
            for source in (HERE / root).glob("*/**/LC_MESSAGES/*.po"):
                with source.open("rb") as po, source.with_suffix(".mo").open("wb") as mo:
                    write_mo(mo, read_po(po))
        super().run()


setup(
    name="trilend",
    version="0.1.0",
    description="Hosted multi-tenant platform for microfinance, guarantee and loan-broking companies",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=packages(),
    package_dir=package_dirs(),
    include_package_data=False,
    package_data={"": ["**/*"]},
    exclude_package_data={"": ["__pycache__/*", "*.pyc"]},
    install_requires=requirements("run"),
    extras_require={"test": requirements("test"), "bench": requirements("bench")},
    cmdclass={"build_py": BuildWithCatalogs},
    entry_points={
        "console_scripts": [
            "trilend = trilend.cli.main:main",
        ],
        "trilend.kinds": [
            "microfinance = trilend_microfinance.kind:KIND",
            "guarantee = trilend_guarantee.kind:KIND",
            "broker = trilend_broker.kind:KIND",
        ],
        "trilend.plugins": [
            "trilend/pyhanko = trilend_pyhanko",
            "trilend/openbank = trilend_openbank",
        ],
        "trilend.sandboxes": [
            "bank = trilend_sandbox.bank.server:main",
        ],
    },
)
