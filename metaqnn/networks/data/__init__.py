"""Images and labels: where they come from, how they are split, and how they become numbers."""

from metaqnn.networks.data.config import DatasetConfig, Preprocessing
from metaqnn.networks.data.description import DataDescription
from metaqnn.networks.data.preprocessing import Statistics, fit_statistics
from metaqnn.networks.data.registry import CatalogueRow, catalogue, image_facts, open_dataset, open_source
from metaqnn.networks.data.search_data import SearchData, data_facts, load_search_data, sent_data
from metaqnn.networks.data.sources import ImageSplit
from metaqnn.networks.data.split import stratified

__all__ = [
    "CatalogueRow",
    "DataDescription",
    "DatasetConfig",
    "ImageSplit",
    "Preprocessing",
    "SearchData",
    "Statistics",
    "catalogue",
    "data_facts",
    "fit_statistics",
    "image_facts",
    "load_search_data",
    "open_dataset",
    "open_source",
    "sent_data",
    "stratified",
]
