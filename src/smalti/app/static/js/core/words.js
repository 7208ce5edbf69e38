/** Messages of the engine in the page's words: an option of the command line is a control here. */

const CONTROLS = [
  [/such as --stretch /g, "such as "],
  [/--stretch( LOW,HIGH)?/g, "“Stretch for the model”"],
  [/--bands/g, "“Bands for the model”"],
  [/omit --resolution native/g, "leave “Pixel size the model sees” empty"],
  [/omit --min-area/g, "set “Smallest polygon” to 0"],
];

/** Whether a message is about an option of a map. */
export const namesOption = (text) => CONTROLS.some(([option]) => text.search(option) >= 0);

export const inPage = (text) => CONTROLS.reduce((said, [option, control]) => said.replace(option, control), text);
