// A safetensors file: the length of the header in 8 bytes, little-endian; the
// header in JSON; the tensors' bytes.

export interface Tensor { shape: number[]; values: Float32Array | Float64Array }

interface Entry { dtype: string; shape: number[]; data_offsets: [number, number] }

const HEADER = 8;
const ELEMENTS: Record<string, Float32ArrayConstructor | Float64ArrayConstructor> = { F32: Float32Array, F64: Float64Array };

/** One tensor by its name. Throws where the file has none, or is none. */
export function readTensor(file: ArrayBuffer, name: string): Tensor {
  const length = Number(new DataView(file).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(file, HEADER, length))) as Record<string, Entry>;
  const entry = header[name];
  const elements = entry && ELEMENTS[entry.dtype];
  if (!elements) throw new Error(`the file has no tensor ${name} of 32 or 64 bits`);
  const [begin, end] = entry.data_offsets;
  // A copy begins where its type wants it to.
  return { shape: entry.shape, values: new elements(file.slice(HEADER + length + begin, HEADER + length + end)) };
}
