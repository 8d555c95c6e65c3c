// A counterpart ends with the program that started it, also when that was killed and could not end it.
const parent = process.ppid;
setInterval(() => process.ppid === parent || process.exit(), 1000).unref();
