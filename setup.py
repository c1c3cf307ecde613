"""What setup.cfg cannot say: a wheel of the same bytes from the same sources, with a bill of materials inside.

setuptools writes no `sboms` folder (PEP 770) of its own yet: https://github.com/pypa/setuptools/issues/4821.
"""

import os
import re
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import NAMESPACE_URL, uuid5

from setuptools import setup
from setuptools.command.bdist_wheel import bdist_wheel

FOR_DEVELOPERS = {"dev", "docs", "bench"}
"""Extras that nobody needs who uses the package."""

# The first day that an archive can name, unless the builder says another: the time of building stands nowhere.
os.environ.setdefault("SOURCE_DATE_EPOCH", "315532800")


class ReproducibleWheel(bdist_wheel):
    """A wheel whose bytes depend on its sources alone (and on the versions of setuptools and zlib)."""

    def write_wheelfile(self, wheelfile_base: str, *arguments: str) -> None:
        """Add the last of the metadata; then everything that goes into the wheel is there."""
        super().write_wheelfile(wheelfile_base, *arguments)
        folder = Path(wheelfile_base) / "sboms"
        folder.mkdir(exist_ok=True)
        (folder / "metaqnn.cdx.json").write_text(self._bill_of_materials(), encoding="utf-8")
        for path in Path(self.bdist_dir).rglob("*"):  # whatever the umask of who checked out or builds
            path.chmod(0o755 if path.is_dir() else 0o644)

    def _bill_of_materials(self) -> str:
        """CycloneDX: this package, which holds no other's code, and what it asks for, none of which is in the wheel."""
        from cyclonedx.model.bom import Bom
        from cyclonedx.model.component import Component, ComponentScope, ComponentType
        from cyclonedx.model.license import DisjunctiveLicense
        from cyclonedx.output.json import JsonV1Dot6
        from packageurl import PackageURL

        def component(name: str, version: str | None = None, **facts: object) -> Component:
            url = PackageURL("pypi", name=name.lower(), version=version)
            return Component(
                name=name, version=version, purl=url, bom_ref=str(url), type=ComponentType.LIBRARY, **facts
            )

        of, asked = self.distribution, {}
        for extra, texts in {**of.extras_require, "": of.install_requires}.items():  # what everybody needs comes last
            for text in texts if extra not in FOR_DEVELOPERS else ():
                words = f"asked for as {text}" + (f" by the extra {extra}" if extra else "")
                scope = ComponentScope.OPTIONAL if extra else ComponentScope.REQUIRED
                name = re.split(r"[^\w.-]", text)[0]
                asked[name] = component(name, description=words, scope=scope)
        root = component(of.get_name(), of.get_version(), licenses=[DisjunctiveLicense(id="MIT")])
        bom = Bom(components=asked.values())
        bom.metadata.component = root
        bom.metadata.timestamp = datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), UTC)
        bom.register_dependency(root, asked.values())
        written = JsonV1Dot6(bom)
        bom.serial_number = uuid5(NAMESPACE_URL, str(root.purl))
        return written.output_as_string(indent=2) + "\n"


# A folder of its own to build in: what an earlier build left would be packed, too.
with TemporaryDirectory() as built:
    setup(cmdclass={"bdist_wheel": ReproducibleWheel}, options={"build": {"build_base": built}})
