"""Draw the README's picture of springs from the demo's plan: python nbs/demo/pictures.py"""

import json
from pathlib import Path

import numpy as np

import picpq
from picpq.pictures import network_springs

here = Path(__file__).parent
network = picpq.pretrained("digits-resnet8").trace()
properties = {layer: np.array(values) for layer, values in json.loads((here / "properties.json").read_text()).items()}
network_springs(network, properties, picpq.Plan.load(here / "plan.json")).save(here.parent / "images" / "springs.png")
