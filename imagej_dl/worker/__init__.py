"""The process that works for ImageJ: TensorFlow lives and dies here, not in ImageJ's process.

ImageJ's side starts it through Appose (https://github.com/apposed/appose), hands images over in
shared memory, hears how far it is, and cancels it. Its calls are :func:`commands`,
:func:`plan`, :func:`run`, :func:`enough`, :func:`holding` and :func:`remember`.
"""

from imagej_dl.worker.run import commands, enough, holding, plan, remember, run
from imagej_dl.worker.session import Desk

__all__ = ["Desk", "commands", "enough", "holding", "plan", "remember", "run"]
