// Who wants to know of what.

const ears = new Map();

export function on(name, hear) {
  if (!ears.has(name)) ears.set(name, new Set());
  ears.get(name).add(hear);
}

export function emit(name, data) {
  for (const hear of ears.get(name) ?? []) {
    try {
      hear(data);
    } catch (error) {
      console.error(name, error);
    }
  }
}
