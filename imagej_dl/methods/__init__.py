"""Methods: what a model learns, and what its output becomes.

Each method is a module of this folder, :mod:`base` is their interface, :mod:`registry` finds them.
Training, prediction, search, dialogs and documentation know no method by name. What several use
lies in `shared`: pixel weights, losses, the post-processing of class probabilities.

Add a method
------------
1. Write `imagej_dl/methods/NAME.py` with one class. Derive it from `ClassMethod` (a class of each
   pixel, watershed), from `InstanceMethod` (any output that becomes a label map), from
   `ImageMethod` (the output is an image) or from `BlindSpotMethod` (an image that is learnt from
   noisy images alone). The registry finds it by its `name`; it can be chosen as
   `kind` on the command line, in dialogs, in macros and in config.json.
2. Declare in it
   - its settings, as fields with descriptions and units. They are given as `method_settings`
     and kept in config.json under that key;
   - `channels`, the names of the output channels, and `activation`, the last activation of the
     network, one for all channels or one for each;
   - `targets`, what the network is to give for a patch, and `margin`, the pixels around the patch
     that this depends on; `vectors` where it depends on whole objects, however large; `sample`
     where the input is changed too, as with blind spots; `takes_volumes` where all this holds for
     volumes, whose slices are further channels;
   - `defaults`, the settings of a training that suit it, `network`, the arguments of the network
     that do, and `symmetries`, the turns of patches that its targets allow;
   - `losses` with the default first, and `loss`; `weight_maps` that go with it;
   - `tally` and `measures`, of pixels, after each epoch; `shown`, the one that users see;
   - `selection`, the score that a hyperparameter search maximises.
3. For instances, declare `postprocessing`, a pydantic model of its settings, `instances`, which
   makes a label map of the output, and `search_space`, the values of these settings that are tried
   after a training. Give an `accumulator` where large planes can be worked on block by block;
   without one the whole output lies in a file. Override `class_probabilities` where not all
   channels are probabilities, and `is_probability`.
4. Write `tests/methods/test_NAME.py`: the targets of a label map made by hand, instances of ideal
   output, and one short training that predicts. `tests/methods/test_interface.py` has two whole
   sketches.
5. Add a row to docs/methods.md, and run `python -m imagej_dl.commands.reference docs/macros.md`.
"""
