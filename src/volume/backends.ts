/** The file systems that a volume can have. */
import type { Backend } from './backend.js';
import { ext4 } from './ext4/ext4.js';
import type { BackendName, VolumeRecord } from './volume.js';

const backends: Readonly<Record<BackendName, Backend>> = { ext4 };

/** That of new volumes. */
export const newBackend = ext4;

/** The one that the volume of this record has. */
export function backendOf({ backend = 'ext4' }: Pick<VolumeRecord, 'backend'>): Backend {
  return backends[backend];
}
