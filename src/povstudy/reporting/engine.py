"""The papermill engine ``povstudy``: each run in a child forked from one warm process.

papermill imports this module whenever it is imported itself, so nothing is imported here: everything is looked up when
a notebook runs.  ``papermill IN OUT --engine povstudy`` uses it, and so does every command of povstudy.
"""

from __future__ import annotations

__all__ = ["ForkEngine"]


class ForkEngine:
    """What papermill's registry needs of an engine; the work is done by `povstudy.reporting.cells`."""

    @classmethod
    def execute_notebook(cls, nb: object, kernel_name: str, **options: object) -> object:
        """Run a notebook.

        Parameters
        ----------
        nb : NotebookNode
            The notebook.
        kernel_name : str
            Name of its kernel; used where there is no fork.
        **options : object
            What papermill and its caller give.

        Returns
        -------
        NotebookNode
            The notebook with its outputs.
        """
        return cls._engine().execute_notebook(nb, kernel_name, **options)

    @classmethod
    def nb_kernel_name(cls, nb: object, name: str | None = None) -> str:
        """Return the name of the kernel of a notebook.

        Parameters
        ----------
        nb : NotebookNode
            The notebook.
        name : str, optional
            A name that was asked for.

        Returns
        -------
        str
            The name.
        """
        return cls._engine().nb_kernel_name(nb, name)

    @classmethod
    def nb_language(cls, nb: object, language: str | None = None) -> str:
        """Return the language of a notebook.

        Parameters
        ----------
        nb : NotebookNode
            The notebook.
        language : str, optional
            A language that was asked for.

        Returns
        -------
        str
            The language.
        """
        return cls._engine().nb_language(nb, language)

    @staticmethod
    def _engine() -> type:
        from povstudy.reporting.cells import CellEngine

        return CellEngine
