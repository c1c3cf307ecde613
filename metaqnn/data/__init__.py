"""Images and labels: where they come from, how they are split, and how they become numbers."""

from metaqnn.data.config import DatasetConfig, Preprocessing
from metaqnn.data.preprocessing import Statistics, fit_statistics
from metaqnn.data.registry import CatalogueRow, catalogue, image_facts, open_source
from metaqnn.data.search_data import SearchData, load_search_data
from metaqnn.data.sources import Source, Split
from metaqnn.data.split import stratified

__all__ = [
    "CatalogueRow",
    "DatasetConfig",
    "Preprocessing",
    "SearchData",
    "Source",
    "Split",
    "Statistics",
    "catalogue",
    "fit_statistics",
    "image_facts",
    "load_search_data",
    "open_source",
    "stratified",
]
